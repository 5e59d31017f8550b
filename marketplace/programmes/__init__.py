"""Selection programmes (试点示范遴选): rules as data, applications, recommendations."""
