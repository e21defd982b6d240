import subprocess
import sys


def test_the_module_is_printed(tiledmap, mapping):
    result = tiledmap("compile", mapping)
    assert result.returncode == 0
    assert "def writer(client" in result.stdout
    assert tiledmap("compile", mapping, "-o", "-").stdout == result.stdout


def test_the_module_is_written_and_can_be_imported(tiledmap, mapping, tmp_path):
    assert tiledmap("compile", mapping, "-o", "smi_writer.py").returncode == 0
    script = "import smi_writer; print(smi_writer.LAYOUT.name)"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout == "smi\n"


def test_a_current_module_is_said_to_be_current(tiledmap, mapping):
    tiledmap("compile", mapping, "-o", "smi_writer.py")
    result = tiledmap("compile", mapping, "-o", "smi_writer.py", "--check")
    assert (result.returncode, result.stdout) == (0, "")


def test_a_module_that_is_not_current_shows_the_difference(tiledmap, mapping, tmp_path):
    tiledmap("compile", mapping, "-o", "smi_writer.py")
    before = (tmp_path / "smi_writer.py").read_text()
    mapping.write_text(mapping.read_text().replace("version: 1.0.0", "version: 1.1.0"))
    result = tiledmap("compile", mapping, "-o", "smi_writer.py", "--check")
    assert result.returncode == 1
    assert "--- smi_writer.py" in result.stdout
    assert "1.1.0" in result.stdout
    assert "is not what" in result.stderr
    assert (tmp_path / "smi_writer.py").read_text() == before


def test_check_needs_a_file_to_compare_with(tiledmap, mapping):
    assert tiledmap("compile", mapping, "--check").returncode == 2
    assert tiledmap("compile", mapping, "--check", "-o", "none.py").returncode == 1


def test_settings_become_part_of_the_module(tiledmap):
    plain = tiledmap("compile", "bluesky-v3").stdout
    assert tiledmap("compile", "bluesky-v3", "--set", "max_array_size=16").stdout != plain


def test_a_mapping_with_errors_is_not_compiled(tiledmap, mapping, tmp_path):
    mapping.write_text(mapping.read_text().replace("start.sample_name", "start.sample_nme"))
    result = tiledmap("compile", mapping, "-o", "smi_writer.py")
    assert result.returncode == 1
    assert "TM201" in result.stderr
    assert not (tmp_path / "smi_writer.py").exists()


def test_a_place_that_cannot_be_written_is_said(tiledmap, mapping):
    result = tiledmap("compile", mapping, "-o", "no/such/folder.py")
    assert result.returncode == 2
    assert "cannot be written" in result.stderr


def test_what_cannot_be_written_leaves_nothing_behind(tiledmap, mapping, tmp_path):
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    assert tiledmap("compile", mapping, "-o", "folder").returncode == 2
    assert sorted(tmp_path.iterdir()) == before


def test_a_link_stays_a_link(tiledmap, mapping, tmp_path):
    (tmp_path / "link.py").symlink_to("smi_writer.py")
    assert tiledmap("compile", mapping, "-o", "link.py").returncode == 0
    assert (tmp_path / "link.py").is_symlink()
    assert "def writer(client" in (tmp_path / "smi_writer.py").read_text()
