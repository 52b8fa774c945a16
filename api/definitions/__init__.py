"""Routes of journeys and the other documents."""
