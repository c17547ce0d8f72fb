"""What the command `scalequest` says and does about a whole workspace: verify, gc."""
