"""What people click: thin views by page family, the staff's frame, sign-in and error pages."""
