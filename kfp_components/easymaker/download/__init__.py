"""The component ``download``; see README.md."""
