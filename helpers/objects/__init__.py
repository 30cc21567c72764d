"""Objects cut out of photos (RGBA) and whole photos: embedded ones, PNG files, COCO instances."""

from helpers.objects.coco import PAPER_CATEGORIES, load_coco
from helpers.objects.cutouts import Cutout, Photo, load, load_photo, load_png, resize
from helpers.objects.embedded import CLASSES, digit, silhouette

__all__ = [
    "CLASSES",
    "PAPER_CATEGORIES",
    "Cutout",
    "Photo",
    "digit",
    "load",
    "load_coco",
    "load_photo",
    "load_png",
    "resize",
    "silhouette",
]
