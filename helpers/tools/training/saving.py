"""Trained weights written beside the others: a safetensors file, and its checksum in the folder's list."""

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from helpers import assets
from helpers.networks.embedded import store


def save_state(
    state: dict[str, Tensor], metadata: dict[str, str], file: str, *, folder: Path = store.FOLDER, half: bool = True
) -> Path:
    """Write weights with their metadata, and put their checksum in the folder's list.

    Args:
        state: the state dict.
        metadata: "stored" is added, the precision.
        file: its name, see :func:`helpers.networks.embedded.store.file_name`.
        folder: made where it is missing.
        half: store float16, else float32.

    Returns:
        The file.

    Raises:
        ValueError: that precision does not hold a value.
    """
    dtype = torch.float16 if half else torch.float32
    word = str(dtype).removeprefix("torch.")
    path = folder / file
    folder.mkdir(parents=True, exist_ok=True)
    kept = {k: (v.to(dtype) if v.is_floating_point() else v).contiguous().cpu() for k, v in state.items()}
    unfit = [key for key, value in kept.items() if not torch.isfinite(value).all()]
    if unfit:
        raise ValueError(f"these weights are not finite in {word}: {', '.join(unfit)}")
    partial = path.with_suffix(".part")
    save_file(kept, partial, metadata=metadata | {"stored": word})
    listed = {**store.sums(folder), path.name: assets.sha256(partial)}
    partial.chmod(0o644)  # safetensors writes files that only their owner can read
    os.replace(partial, path)
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items()))
    listing = folder / (store.SUMS + ".part")
    listing.write_text(lines)
    os.replace(listing, folder / store.SUMS)
    return path
