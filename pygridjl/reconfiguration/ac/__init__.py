"""AC losses of radial configurations, and descent in them."""
