"""What Tiled does not have: a request that makes many nodes, and stores their first rows.

A prototype for the benchmark alone, of Tiled's own parts. It makes one node after the other, each
in a transaction of its own, so an endpoint of Tiled's could only be faster; what it needs to be
safe, such as a word for nodes that are there already, it leaves out.
"""

from typing import Annotated, Any

import msgpack
from fastapi import APIRouter, Depends, Request, Security
from tiled.catalog.adapter import CatalogTableAdapter
from tiled.media_type_registration import default_deserialization_registry
from tiled.server.authentication import (
    check_scopes,
    get_current_access_tags,
    get_current_principal,
    get_current_scopes,
    get_session_state,
)
from tiled.server.dependencies import get_entry, get_root_tree
from tiled.server.schemas import PostMetadataRequest
from tiled.structures.core import StructureFamily
from tiled.utils import APACHE_ARROW_FILE_MIME_TYPE

NAME = f"{__name__}:router"
"""What a server's configuration calls it."""
ENDPOINT = "nodes"
_SCOPES = ["write:metadata", "create:node", "write:data"]

router = APIRouter()


@router.post(f"/{ENDPOINT}/{{path:path}}")
async def post_nodes(
    request: Request,
    path: str,
    principal: Annotated[Any, Depends(get_current_principal)],
    authn_access_tags: Annotated[Any, Depends(get_current_access_tags)],
    authn_scopes: Annotated[Any, Depends(get_current_scopes)],
    root_tree: Annotated[Any, Depends(get_root_tree)],
    session_state: Annotated[dict[str, Any], Depends(get_session_state)],
    _: Annotated[Any, Security(check_scopes, scopes=_SCOPES)],
) -> None:
    """Make nodes below a container: parents before their children."""
    entry = await get_entry(
        path,
        _SCOPES,
        principal,
        authn_access_tags,
        authn_scopes,
        root_tree,
        session_state,
        request.state.metrics,
        None,
        request.app.state.access_policy,
    )
    made = {(): entry}
    for node in msgpack.unpackb(await request.body()):
        *above, key = node["path"]
        body = PostMetadataRequest.model_validate(node["body"])
        made[*above, key] = await made[tuple(above)].create_node(
            key=key,
            structure_family=body.structure_family,
            metadata=body.metadata,
            specs=body.specs,
            data_sources=body.data_sources,
        )
        if rows := node["rows"]:
            table = CatalogTableAdapter(entry.context, made[*above, key].node)
            await table.append_partition(
                APACHE_ARROW_FILE_MIME_TYPE, _from_arrow, table, rows, partition=0
            )


_from_arrow = default_deserialization_registry.dispatch(
    StructureFamily.table, APACHE_ARROW_FILE_MIME_TYPE
)
