"""What pictures of built-in corpora are drawn from: emoji, icons, colours."""
