"""The component ``deploy_endpoint``; see README.md."""
