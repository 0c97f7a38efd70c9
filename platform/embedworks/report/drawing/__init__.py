"""Numbers to SVG: small functions whose colours are the page's style sheet's, so that both themes fit."""
