"""Coupon pools and their codes."""
