"""Sphinx configuration; built with ``-W -n``, so that every warning is an error."""

from alp import __version__

project = "alp"
author = "The alp developers"
copyright = "the alp developers"
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
root_doc = "index"

html_theme = "furo"
html_title = f"alp {__version__}"
html_copy_source = False
html_show_sphinx = False
