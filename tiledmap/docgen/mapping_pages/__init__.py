"""The pages of mappings: what each makes, where every field goes, and why."""

from tiledmap.docgen.mapping_pages.pages import mapping_part
from tiledmap.docgen.mapping_pages.standalone import coverage_page
from tiledmap.docgen.mapping_pages.values import Documented, documented

__all__ = ["Documented", "coverage_page", "documented", "mapping_part"]
