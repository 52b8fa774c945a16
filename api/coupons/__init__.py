"""Routes of coupon pools."""
