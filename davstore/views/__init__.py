"""Magnets -> folder trees. Pure functions over values.

`folders` makes the tree of one magnet.
"""

from davstore.views.folders import find, folder_name, listed, magnet_folder

__all__ = ["find", "folder_name", "listed", "magnet_folder"]
