"""bluesky-v3 3.0.0: Bluesky runs, one container per stream.

Made by tiledmap 0.1.0 from the mapping with sha256
cfd77a55d89a221889082d45a65d82c1048239f34110724f82f08df813b2c854.
Do not edit: change the mapping and compile it again. `tiledmap compile --check` says whether this
file is current. The comments name the lines of the mapping.
"""

from tiledmap.runtime import (
    Column,
    EventField,
    KeyColumn,
    Layout,
    Run,
    Spec,
    Stored,
    Stream,
    Table,
    Timestamp,
    Value,
    declared,
    default,
    like,
    open_writer,
    parse_spec,
    require_api,
    shaped,
    without,
)

require_api(1)


def run_path(start):  # bluesky-v3.yaml:50
    return (start["uid"],)


def run_specs(start):  # bluesky-v3.yaml:50
    specs = []
    for extra in default(start.get("tiled_specs"), []):
        specs.append(parse_spec(extra))  # bluesky-v3.yaml:54
    specs.append(Spec("BlueskyRun", "3.0"))  # bluesky-v3.yaml:57
    return specs


def run_access_tags(start):  # bluesky-v3.yaml:50
    tags = []
    for given in default(start.get("tiled_access_tags"), []):
        tags.append(given)  # bluesky-v3.yaml:59
    return tags


def run_metadata(start):  # bluesky-v3.yaml:64
    return {"start": without(start, "tiled_access_tags", "tiled_specs")}


def run_stop_metadata(start, stop):  # bluesky-v3.yaml:64
    return {"stop": dict(stop)}


def every_stream_path(start, descriptor):  # bluesky-v3.yaml:73
    return (default(descriptor.get("name"), "primary"),)


def every_stream_specs(start, descriptor):  # bluesky-v3.yaml:73
    return [Spec("BlueskyEventStream", "3.0"), Spec("composite")]


def every_stream_metadata(start, descriptor):  # bluesky-v3.yaml:79
    return without(descriptor, "name", "object_keys", "run_start")


def every_stream_store(start, descriptor, data_key):
    if data_key.get("external") is not None:
        return Stored(
            "files", at="bluesky-v3.yaml:91", path=(data_key["name"],), dims=("time", "...")
        )
    if data_key["dtype"] == "array" and shaped(data_key["shape"], "ragged"):
        return Stored(
            "ragged",
            at="bluesky-v3.yaml:96",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype"] == "array":
        return Stored(
            "array",
            at="bluesky-v3.yaml:102",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype"] == "array" and like(data_key["dtype_numpy"], "<U*", ">U*", "|S*", "|O*"):
        return Stored(
            "array",
            at="bluesky-v3.yaml:109",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype_numpy"] == "<u8":
        return Stored(
            "array",
            at="bluesky-v3.yaml:115",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    return Stored("table", at="bluesky-v3.yaml:121", table="internal")


def every_stream_internal_path(start, descriptor):  # bluesky-v3.yaml:125
    return ("internal",)


def every_stream_internal_table_metadata(start, descriptor, data_keys):  # bluesky-v3.yaml:129
    return dict(data_keys)


EVERY_STREAM = Stream(
    "every-stream",
    path=every_stream_path,
    specs=every_stream_specs,
    metadata=every_stream_metadata,
    updates="_config_updates",
    store=every_stream_store,
    tables=(
        Table(
            "internal",
            path=every_stream_internal_path,
            order="seq_num",
            max_columns=900,
            metadata=every_stream_internal_table_metadata,
            columns=(
                Column(
                    name=lambda start, descriptor: "seq_num",
                    type="int64",
                    source=EventField("seq_num"),
                    at="bluesky-v3.yaml:131",
                ),
                Column(
                    name=lambda start, descriptor: "time",
                    type="float64",
                    source=EventField("time"),
                    at="bluesky-v3.yaml:134",
                ),
                KeyColumn(
                    name=lambda start, descriptor, data_key: data_key["name"],
                    keys=lambda data_key, stored: stored == "table",
                    type=None,
                    source=Value(),
                    at="bluesky-v3.yaml:137",
                ),
                KeyColumn(
                    name=lambda start, descriptor, data_key: f"ts_{data_key['name']}",
                    keys=lambda data_key, stored: stored in ("table", "array", "ragged"),
                    type="float64",
                    source=Timestamp(),
                    at="bluesky-v3.yaml:140",
                ),
            ),
            at="bluesky-v3.yaml:125",
        ),
    ),
    at="bluesky-v3.yaml:73",
)


def select_stream(start, descriptor):
    return EVERY_STREAM


LAYOUT = Layout(
    name="bluesky-v3",
    version="3.0.0",
    sha256="cfd77a55d89a221889082d45a65d82c1048239f34110724f82f08df813b2c854",
    additions={
        "start": {
            "properties": {
                "tiled_access_tags": {"type": "array", "items": {"type": "string"}},
                "tiled_specs": {"type": "array", "items": {"type": "string"}},
            },
            "required": [],
        },
    },
    run=Run(
        path=run_path,
        specs=run_specs,
        access_tags=run_access_tags,
        metadata=run_metadata,
        stop_metadata=run_stop_metadata,
        on_collision="resume",
        untagged="store",
        at="bluesky-v3.yaml:50",
    ),
    select_stream=select_stream,
)


def writer(client, **options):
    """Make a Bluesky callback that writes to a Tiled client; options as of `Writer`."""
    return open_writer(LAYOUT, client, **options)
