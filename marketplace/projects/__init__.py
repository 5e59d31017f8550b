"""Projects (项目): members with stakes, plans, files, decisions, and gig tasks paid from escrow."""
