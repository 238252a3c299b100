"""What pages are built of: guards, components, and the words around them."""
