"""Services for teams in a park: published, asked for, answered in a time on record."""
