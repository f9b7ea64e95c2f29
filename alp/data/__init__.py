"""Recorded market data: formats, readers, inspection, conversion and fetching."""

from alp.data.options import ReadOptions
from alp.data.schema import Kind
from alp.data.source import FileInfo, Source, open_source

__all__ = ["FileInfo", "Kind", "ReadOptions", "Source", "open_source"]
