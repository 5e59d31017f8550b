"""What booking follows: the live state of the resources it has bookings on."""
