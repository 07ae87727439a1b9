"""The component ``evaluate``; see README.md."""
