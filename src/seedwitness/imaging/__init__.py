"""Pictures: decoded from any file, read from folders, recognised when saved again, aligned."""
