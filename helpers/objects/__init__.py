"""Objects cut out of photos (RGBA) and whole photos: those of packages, PNG files, COCO instances, stamps."""

from helpers.objects.coco import PAPER_CATEGORIES, load_coco
from helpers.objects.cutouts import Cutout, Photo, fit, load, load_photo, load_png, resize
from helpers.objects.embedded import CLASSES, digit, silhouette
from helpers.objects.folders import load_folder
from helpers.objects.photographed import PHOTOGRAPHED, PHOTOGRAPHS, RECOGNISED, photograph
from helpers.objects.tuxpaint import STAMPS, find_stamps, stamps

__all__ = [
    "CLASSES",
    "PAPER_CATEGORIES",
    "PHOTOGRAPHED",
    "PHOTOGRAPHS",
    "RECOGNISED",
    "STAMPS",
    "Cutout",
    "Photo",
    "digit",
    "find_stamps",
    "fit",
    "load",
    "load_coco",
    "load_folder",
    "load_photo",
    "load_png",
    "photograph",
    "resize",
    "silhouette",
    "stamps",
]
