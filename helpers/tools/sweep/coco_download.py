"""The downloader for the protocol's COCO objects: the annotations and the chosen photos, nothing else."""

from __future__ import annotations

import urllib.parse
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from helpers import assets
from helpers.measures.published import transfer
from helpers.objects import coco

# The bucket behind images.cocodataset.org, which has no certificate of its own.
SITE = "https://s3.amazonaws.com/images.cocodataset.org"
ARCHIVE = "annotations_trainval2017.zip"
# As several data-set libraries give it for COCO's archive. The photos have no published checksums: they are
# checked by decoding them and by their size.
ARCHIVE_SHA256 = "113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268"


def fetch(
    root: str | Path | None = None,
    *,
    split: str = "train2017",
    per_category: int = 20,
    categories: Sequence[str] | None = coco.PAPER_CATEGORIES,
    site: str = SITE,
    archive_sha256: str | None = ARCHIVE_SHA256,
    progress: bool = True,
) -> Path:
    """Download what the protocol needs of COCO, and only that: the annotations and the chosen photos.

    An interrupted download is resumed, and what is there is not fetched again. The archive (250 MB) is removed
    once its one needed file is out.

    Returns:
        ``root`` (default: a folder in the cache), now in COCO's layout.

    Raises:
        AssetError: something cannot be downloaded, or is damaged.
        ValueError: as :func:`helpers.objects.coco.select`.
    """
    root = Path(root) if root is not None else assets.cache() / "coco"
    annotations = root / "annotations" / f"instances_{split}.json"
    if not annotations.exists():
        url = f"{site}/annotations/{ARCHIVE}"
        archive = transfer.download(url, root / ARCHIVE, sha256=archive_sha256, progress=progress)
        _extract(archive, annotations)
        archive.unlink()
    chosen = coco.select(root, split, per_category=per_category, categories=categories)
    for instance in tqdm(chosen, desc=f"photos of {split}", unit="photo", disable=not progress):
        name = instance.image["file_name"]  # inside the folder: `select` refuses another
        path = root / split / name
        if path.exists():
            continue
        transfer.download(f"{site}/{split}/{urllib.parse.quote(name)}", path, progress=False)
        try:
            coco.read_photo(path, instance.image)
        except ValueError as error:
            path.unlink()
            raise assets.AssetError(f"{site} sent a photo that cannot be used, and it was removed: {error}") from error
    return root


def _extract(archive: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(f"annotations/{target.name}") as source:
            with open(partial, "wb") as file:
                while block := source.read(1 << 20):
                    file.write(block)
    except KeyError as error:
        raise assets.AssetError(
            f"{archive} has no annotations/{target.name}: the splits are train2017 and val2017"
        ) from error
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        archive.unlink()
        raise assets.AssetError(
            f"{archive.name} was damaged ({error}) and is removed: run the command again"
        ) from error
    partial.replace(target)
