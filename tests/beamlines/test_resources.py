"""The shared table knows the field's specs, by their names or by saying why it leaves them out."""

import re

import pytest

import tiledmap
from tests.beamlines import resources
from tests.beamlines.composing import RunDocuments, external
from tiledmap.runtime.upgrade import upgrade_resource
from tiledmap.testing.logs import logged_texts

# The tables of mimetypes of BMM, CMS, CSX, ESM, IOS, ISS, QAS and lsdc, and the handlers that
# area-detector-handlers registers
FIELD = frozenset(
    {
        "A1_HDF5",
        "AD_CBF",
        "AD_EIGER",
        "AD_EIGER2",
        "AD_EIGER_MX",
        "AD_EIGER_SLICE",
        "AD_HDF5",
        "AD_HDF5_DET_TS",
        "AD_HDF5_GERM",
        "AD_HDF5_NDARRAY_TS",
        "AD_HDF5_SINGLE",
        "AD_HDF5_SWMR",
        "AD_HDF5_SWMR_SLICE",
        "AD_HDF5_SWMR_STREAM",
        "AD_HDF5_SWMR_TS",
        "AD_HDF5_TS",
        "AD_JPEG",
        "AD_SPE",
        "AD_TIFF",
        "AD_TIFF_EPICS_TS",
        "AD_TIFF_TS",
        "APB",
        "APB_TRIGGER",
        "DEXELA_FLY_V1",
        "DEX_HDF5",
        "EIGER2_STREAM",
        "HDF5",
        "IMM",
        "MERLIN_FLY",
        "MERLIN_FLY_STREAM_V1",
        "MERLIN_FLY_STREAM_V2",
        "MERLIN_HDF5_BULK",
        "NPY_SEQ",
        "PANDA",
        "PIL100k_HDF5",
        "PILATUS_HDF5",
        "PIZZABOX_AN_FILE_TXT",
        "PIZZABOX_AN_FILE_TXT_PD",
        "PIZZABOX_DI_FILE_TXT",
        "PIZZABOX_DI_FILE_TXT_PD",
        "PIZZABOX_ENC_FILE_TXT",
        "PIZZABOX_ENC_FILE_TXT_PD",
        "ROI_HDF51_FLY",
        "ROI_HDF5_FLY",
        "SIS_HDF51",
        "SIS_HDF51_FLY_STREAM_V1",
        "SPECS_HDF5_SINGLE_DATAFRAME",
        "TPX3",
        "TPX_HDF5",
        "XIAXMAP",
        "XIA_XMAP_HDF5",
        "XPS3",
        "XPS3_FLY",
        "XSP",
        "XSP3",
        "XSP3X",
        "XSP3_BULK",
        "XSP3_FLY",
        "XSP3_STEP",
        "ZEBRA_HDF51",
        "ZEBRA_HDF51_FLY_STREAM_V1",
    }
)
WITHOUT_READER = sorted(
    {"AD_CBF", "AD_SPE", "IMM", "AD_EIGER", "AD_EIGER_SLICE", "AD_EIGER2", "AD_EIGER_MX", "APB"}
    | {"APB_TRIGGER", "XIA_XMAP_HDF5", "XIAXMAP", "AD_TIFF_TS", "AD_TIFF_EPICS_TS"}
    | {"AD_HDF5_TS", "AD_HDF5_SWMR_TS"}
)


def test_every_spec_of_the_field_is_known_or_left_out_with_a_reason() -> None:
    mapping = tiledmap.load("resources")
    known = {document["spec"] for name, document in resources.documents() if name == "resource"}
    left_out = set(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", mapping.resolved.description or ""))

    assert FIELD - known == set(WITHOUT_READER)
    assert set(WITHOUT_READER) <= left_out


@pytest.mark.parametrize("spec", [*WITHOUT_READER, "NOBODY_KNOWS"])
def test_a_spec_without_a_rule_is_an_error_and_no_node(spec: str) -> None:
    run = RunDocuments(spec, 1.0)
    run.descriptor("primary", {"image": external("camera", 3, 4)})
    run.event("primary", {"image": run.datum(run.resource(spec, "/data", "image.dat", {}))})
    run.stop()

    with logged_texts() as texts:
        sink = tiledmap.load("resources").preview(run)

    assert (run.uid, "primary", "image") not in sink.tree
    assert any(f"no rule says what the spec '{spec}' stands for" in text for text in texts)


@pytest.mark.parametrize("spec", ["pil100K_hdf5", "ad_tiff", "Hdf5"])
def test_specs_are_known_however_their_letters_are_written(spec: str) -> None:
    layout = tiledmap.load("resources").layout
    run = RunDocuments(spec, 1.0)
    run.resource(spec, "/data", "image", {"template": "%s%s_%d.tiff", "filename": "image"})
    (_, start), (_, resource) = run

    upgraded = upgrade_resource(resource, start, layout.repairs, lambda section, name: None)

    assert upgraded.mimetype in ("application/x-hdf5", "multipart/related;type=image/tiff")
