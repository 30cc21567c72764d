"""The trained weights that come with the package: safetensors files, checked against a list of sums."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from helpers import assets
from helpers.networks.embedded.architectures import NAMES

POSITIONS = ("centre", "uniform")  # of the networks that come with the workbook
DOSES = ("sigma12", "sigma24")  # between the two: normal about the centre, with that deviation in px
TRAINED = (*POSITIONS, *DOSES)  # all that can be trained
FOLDER = Path(__file__).parent / "weights"
SUMS = "SHA256SUMS"


def file_name(name: str, *, antialiased: bool, positions: str) -> str:
    """For example "demo_alexnet_aa_uniform.safetensors".

    Raises:
        ValueError: an unknown name or other positions.
    """
    if name not in NAMES:
        raise ValueError(f"no embedded network is called {name!r}; there are {', '.join(NAMES)}")
    if positions not in TRAINED:
        raise ValueError(f"embedded weights are {', '.join(map(repr, TRAINED))}; got {positions!r}")
    return f"{name}{'_aa' if antialiased else ''}_{positions}.safetensors"


def sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file in a folder's list; empty where there is none."""
    path = folder / SUMS
    lines = path.read_text().splitlines() if path.is_file() else []
    return {name: digest for digest, name in (line.split() for line in lines if line.strip())}


def load_state(
    name: str, *, antialiased: bool, positions: str = "centre", folder: Path = FOLDER
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Trained weights of an embedded network and their metadata.

    Args:
        name: the network's.
        antialiased: the variant of the network.
        positions: where the objects were in training, "centre" or "uniform".
        folder: where the files and their SHA256SUMS lie.

    Returns:
        As :func:`read`. The metadata: recipe, seed, steps, seconds, accuracy_centre, accuracy_corners, sources,
        commit, stored and more; all strings.

    Raises:
        ValueError: an unknown name or other positions, or a file that :func:`read` refuses.
        FileNotFoundError: the file is missing.
    """
    return read(folder / file_name(name, antialiased=antialiased, positions=positions))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The state dict in a file (float32, however stored; counters as they are) and its metadata.

    Raises:
        ValueError: the file is not the one in its folder's list of checksums.
        FileNotFoundError: it is missing.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; `make weights` trains it again")
    expected, found = sums(path.parent).get(path.name), assets.sha256(path)
    if found != expected:
        raise ValueError(
            f"{path.name} has SHA-256 {found}, but {SUMS} says {expected}: the file is damaged or was "
            "replaced; restore it from the repository, or train it again with `make weights`"
        )
    try:
        with safe_open(path, framework="pt") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(f"{path.name} is no safetensors file: {error}") from error
    floats = {key: value.float() for key, value in state.items() if value.is_floating_point()}
    return state | floats, metadata
