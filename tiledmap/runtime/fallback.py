"""bluesky-v3 3.1.0: Bluesky runs, one container per stream.

Made by tiledmap 0.1.0 from the mapping with sha256
1c41205a36e713d908671554ee326bd6cb26134ecee7acf9b9f98dc446689bde.
Do not edit: change the mapping and compile it again. `tiledmap compile --check` says whether this
file is current. The comments name the lines of the mapping.
"""

from tiledmap.runtime import (
    AssetRule,
    Column,
    EventField,
    KeyColumn,
    Layout,
    Refused,
    Repairs,
    ResourceRepair,
    Run,
    Spec,
    Stored,
    Stream,
    Table,
    Timestamp,
    Value,
    declared,
    default,
    find_consolidator,
    first,
    like,
    open_writer,
    optional,
    parse_spec,
    require_api,
    same_text,
    shaped,
    without,
)

require_api(1)


def repair_resource_area_detector_hdf5_matches(start, resource):  # bluesky-v3.yaml:34
    return same_text(resource.get("spec"), "HDF5", "AD_HDF5", "AD_HDF5_SINGLE", "AD_HDF5_SWMR")


def repair_resource_area_detector_hdf5_parameters(start, resource):  # bluesky-v3.yaml:34
    return {
        "dataset": first(
            optional(resource, "resource_kwargs", "path"),
            optional(resource, "resource_kwargs", "dataset"),
            "/entry/data/data",
        ),
    }


def repair_resource_xspress3_matches(start, resource):  # bluesky-v3.yaml:43
    return same_text(resource.get("spec"), "XSP", "XSP3", "TPX_HDF5")


def repair_resource_xspress3_parameters(start, resource):  # bluesky-v3.yaml:43
    return {
        "dataset": first(
            optional(resource, "resource_kwargs", "path"),
            optional(resource, "resource_kwargs", "dataset"),
            "/entry/instrument/detector/data",
        ),
    }


def repair_resource_other_hdf5_matches(start, resource):  # bluesky-v3.yaml:52
    return same_text(
        resource.get("spec"),
        "AD_HDF5_GERM",
        "AD_HDF5_SWMR_SLICE",
        "AD_HDF5_SWMR_STREAM",
        "EIGER2_STREAM",
        "MERLIN_FLY_STREAM_V2",
        "MERLIN_HDF5_BULK",
        "PANDA",
        "PIL100k_HDF5",
        "ROI_HDF5_FLY",
        "ROI_HDF51_FLY",
        "SIS_HDF51_FLY_STREAM_V1",
        "XPS3",
        "XSP3_BULK",
        "XSP3_STEP",
        "ZEBRA_HDF51_FLY_STREAM_V1",
    )


def repair_resource_area_detector_tiff_matches(start, resource):  # bluesky-v3.yaml:72
    return same_text(resource.get("spec"), "AD_TIFF")


def repair_resource_npy_sequence_matches(start, resource):  # bluesky-v3.yaml:76
    return same_text(resource.get("spec"), "NPY_SEQ")


def run_path(start):  # bluesky-v3.yaml:84
    return (start["uid"],)


def run_specs(start):  # bluesky-v3.yaml:84
    specs = []
    for extra in default(start.get("tiled_specs"), []):
        specs.append(parse_spec(extra))  # bluesky-v3.yaml:88
    specs.append(Spec("BlueskyRun", "3.0"))  # bluesky-v3.yaml:91
    return specs


def run_access_tags(start):  # bluesky-v3.yaml:84
    tags = []
    for given in default(start.get("tiled_access_tags"), []):
        tags.append(given)  # bluesky-v3.yaml:93
    return tags


def run_metadata(start):  # bluesky-v3.yaml:98
    return {"start": without(start, "tiled_access_tags", "tiled_specs")}


def run_stop_metadata(start, stop):  # bluesky-v3.yaml:98
    return {"stop": dict(stop)}


def every_stream_path(start, descriptor):  # bluesky-v3.yaml:107
    return (default(descriptor.get("name"), "primary"),)


def every_stream_specs(start, descriptor):  # bluesky-v3.yaml:107
    return [Spec("BlueskyEventStream", "3.0"), Spec("composite")]


def every_stream_metadata(start, descriptor):  # bluesky-v3.yaml:113
    return without(descriptor, "name", "object_keys", "run_start")


def every_stream_store(start, descriptor, data_key):
    if data_key.get("external") is not None:
        return Stored(
            "files", at="bluesky-v3.yaml:125", path=(data_key["name"],), dims=("time", "...")
        )
    if data_key["dtype"] == "array" and shaped(data_key["shape"], "ragged"):
        return Stored(
            "ragged",
            at="bluesky-v3.yaml:130",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype"] == "array":
        return Stored(
            "array",
            at="bluesky-v3.yaml:136",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype"] == "array" and like(data_key["dtype_numpy"], "<U*", ">U*", "|S*", "|O*"):
        return Stored(
            "array",
            at="bluesky-v3.yaml:143",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    if data_key["dtype_numpy"] == "<u8":
        return Stored(
            "array",
            at="bluesky-v3.yaml:149",
            path=(data_key["name"],),
            dims=("time", "..."),
            metadata=declared(data_key),
        )
    return Stored("table", at="bluesky-v3.yaml:155", table="internal")


def every_stream_internal_path(start, descriptor):  # bluesky-v3.yaml:159
    return ("internal",)


def every_stream_internal_table_metadata(start, descriptor, data_keys):  # bluesky-v3.yaml:163
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
                    at="bluesky-v3.yaml:165",
                ),
                Column(
                    name=lambda start, descriptor: "time",
                    type="float64",
                    source=EventField("time"),
                    at="bluesky-v3.yaml:168",
                ),
                KeyColumn(
                    name=lambda start, descriptor, data_key: data_key["name"],
                    keys=lambda data_key, stored: stored == "table",
                    type=None,
                    source=Value(),
                    at="bluesky-v3.yaml:171",
                ),
                KeyColumn(
                    name=lambda start, descriptor, data_key: f"ts_{data_key['name']}",
                    keys=lambda data_key, stored: stored in ("table", "array", "ragged"),
                    type="float64",
                    source=Timestamp(),
                    at="bluesky-v3.yaml:174",
                ),
            ),
            at="bluesky-v3.yaml:159",
        ),
    ),
    at="bluesky-v3.yaml:107",
)


def select_stream(start, descriptor):
    return EVERY_STREAM


ASSET_HDF5 = AssetRule(
    "hdf5",
    consolidator=find_consolidator("hdf5"),
    needs=("dataset",),
    join="stack",
    at="bluesky-v3.yaml:180",
)


ASSET_TIFF = AssetRule(
    "tiff",
    consolidator=find_consolidator("tiff"),
    needs=("template",),
    join="stack",
    at="bluesky-v3.yaml:185",
)


ASSET_JPEG = AssetRule(
    "jpeg",
    consolidator=find_consolidator("jpeg"),
    needs=("template",),
    join="stack",
    at="bluesky-v3.yaml:190",
)


ASSET_NPY = AssetRule(
    "npy",
    consolidator=find_consolidator("npy"),
    needs=("template",),
    join="stack",
    at="bluesky-v3.yaml:195",
)


ASSET_CSV = AssetRule(
    "csv", consolidator=find_consolidator("csv"), join="concat", at="bluesky-v3.yaml:200"
)


ASSET_ZARR = AssetRule(
    "zarr", consolidator=find_consolidator("zarr"), join="stack", at="bluesky-v3.yaml:204"
)


ASSET_BYTES = AssetRule("bytes", consolidator=find_consolidator("bytes"), at="bluesky-v3.yaml:208")


def select_asset(start, stream_resource):
    if stream_resource.get("mimetype") == "application/x-hdf5":
        return ASSET_HDF5
    if stream_resource.get("mimetype") == "multipart/related;type=image/tiff":
        return ASSET_TIFF
    if stream_resource.get("mimetype") == "multipart/related;type=image/jpeg":
        return ASSET_JPEG
    if stream_resource.get("mimetype") == "multipart/related;type=application/x-npy":
        return ASSET_NPY
    if stream_resource.get("mimetype") == "text/csv;header=absent":
        return ASSET_CSV
    if stream_resource.get("mimetype") == "application/x-zarr":
        return ASSET_ZARR
    if stream_resource.get("mimetype") == "application/octet-stream":
        return ASSET_BYTES
    return Refused(
        f"no consolidator reads {stream_resource['mimetype']}; add a rule to assets",
        "bluesky-v3.yaml:211",
    )


LAYOUT = Layout(
    name="bluesky-v3",
    version="3.1.0",
    sha256="1c41205a36e713d908671554ee326bd6cb26134ecee7acf9b9f98dc446689bde",
    additions={
        "start": {
            "properties": {
                "tiled_access_tags": {"type": "array", "items": {"type": "string"}},
                "tiled_specs": {"type": "array", "items": {"type": "string"}},
            },
            "required": [],
        },
    },
    repairs=Repairs(
        resources=(
            ResourceRepair(
                "area-detector-hdf5",
                matches=repair_resource_area_detector_hdf5_matches,
                mimetype="application/x-hdf5",
                parameters=repair_resource_area_detector_hdf5_parameters,
                kwargs={
                    "properties": {
                        "path": {"type": ["string", "null"]},
                        "dataset": {"type": ["string", "null"]},
                    },
                    "required": [],
                },
                at="bluesky-v3.yaml:34",
            ),
            ResourceRepair(
                "xspress3",
                matches=repair_resource_xspress3_matches,
                mimetype="application/x-hdf5",
                parameters=repair_resource_xspress3_parameters,
                kwargs={
                    "properties": {
                        "path": {"type": ["string", "null"]},
                        "dataset": {"type": ["string", "null"]},
                    },
                    "required": [],
                },
                at="bluesky-v3.yaml:43",
            ),
            ResourceRepair(
                "other-hdf5",
                matches=repair_resource_other_hdf5_matches,
                mimetype="application/x-hdf5",
                parameters=lambda start, resource: {},
                at="bluesky-v3.yaml:52",
            ),
            ResourceRepair(
                "area-detector-tiff",
                matches=repair_resource_area_detector_tiff_matches,
                mimetype="multipart/related;type=image/tiff",
                parameters=lambda start, resource: {},
                at="bluesky-v3.yaml:72",
            ),
            ResourceRepair(
                "npy-sequence",
                matches=repair_resource_npy_sequence_matches,
                mimetype="multipart/related;type=application/x-npy",
                parameters=lambda start, resource: {},
                at="bluesky-v3.yaml:76",
            ),
        ),
    ),
    run=Run(
        path=run_path,
        specs=run_specs,
        access_tags=run_access_tags,
        metadata=run_metadata,
        stop_metadata=run_stop_metadata,
        on_collision="resume",
        untagged="store",
        at="bluesky-v3.yaml:84",
    ),
    select_stream=select_stream,
    select_asset=select_asset,
)


def writer(client, **options):
    """Make a Bluesky callback that writes to a Tiled client; options as of `Writer`."""
    return open_writer(LAYOUT, client, **options)
