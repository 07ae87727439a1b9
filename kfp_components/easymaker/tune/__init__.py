"""The component ``tune``; see README.md."""
