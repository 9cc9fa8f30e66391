"""The site config: found, checked, and anchored at its own folder."""

from pathlib import Path

import pytest

from shotgraph.cli.session import open_registry, open_site
from shotgraph.cli.site import SiteConfig, read_site_config
from shotgraph.errors import UsageError


def test_without_a_file_everything_is_default() -> None:
    assert read_site_config({}) == SiteConfig()


def test_the_users_config_folder_is_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "xdg-config" / "shotgraph" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("environment: [SHOW]\n")

    assert read_site_config({}).environment == ("SHOW",)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("presets: [house, /abs]\ndefaults: base.yaml\ncache: kept\nplugins: {block: [flow.*]}\n")

    config = read_site_config({"SHOTGRAPH_CONFIG": str(file)})

    assert config.presets == (tmp_path / "house", Path("/abs"))
    assert (config.defaults, config.cache) == (tmp_path / "base.yaml", tmp_path / "kept")
    assert config.plugins.block == ("flow.*",)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("# nothing yet\n")

    assert read_site_config({"SHOTGRAPH_CONFIG": str(file)}) == SiteConfig()


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"SHOTGRAPH_CONFIG must name a file, got '.*site\.yaml'; unset it"):
        read_site_config({"SHOTGRAPH_CONFIG": str(tmp_path / "site.yaml")})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "preset: [house]",
            r"preset: Extra inputs are not permitted, got \['house'\]; known keys are presets, defaults",
        ),
        ("environment: SHOW", r"environment: Input should be a valid tuple, got 'SHOW'"),
        ("[1, 2]", r"file: Input should be .* got \[1, 2\]"),
        ("a: [", r"must be readable YAML, got .*; correct or remove it"),
    ],
)
def test_a_wrong_site_config_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)

    with pytest.raises(UsageError, match=rf"(?s)^site config: .*site\.yaml.*{message}"):
        read_site_config({"SHOTGRAPH_CONFIG": str(file)})


def test_presets_see_only_the_variables_the_site_allows() -> None:
    site = open_site(SiteConfig(environment=("SHOW", "UNSET")), {"SHOW": "mars", "SECRET": "x"})

    assert site.environment.allowed == {"SHOW", "UNSET"}
    assert site.environment.values == {"SHOW": "mars"}


def test_lists_of_site_environment_and_command_line_add_up() -> None:
    config = SiteConfig.model_validate({"plugins": {"block": ["core.matte"]}})

    registry = open_registry(config, ("edges.canny",), {"SHOTGRAPH_PLUGINS_BLOCK": "flow.d*,core.merge"})

    assert registry.disabled() == ("core.matte", "core.merge", "edges.canny", "flow.dis")
