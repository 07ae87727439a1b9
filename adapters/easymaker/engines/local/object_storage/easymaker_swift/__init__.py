"""What of ours runs inside Swift's own environment: standard library and Swift only, no import of our other code.

The directory is copied into that environment as the top-level package ``easymaker_swift``.
"""
