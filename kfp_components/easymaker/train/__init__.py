"""The component ``train``; see README.md."""
