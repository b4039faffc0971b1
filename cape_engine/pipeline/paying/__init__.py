"""Payment files: the payments of a finished run into files for a bank, what is held and why."""

from cape_engine.pipeline.paying.api import FilesOptions, files_request, refund_files
from cape_engine.pipeline.paying.request import FilesRequest, FilesResult
from cape_engine.pipeline.paying.road import execute_files

__all__ = ["FilesOptions", "FilesRequest", "FilesResult", "execute_files", "files_request", "refund_files"]
