"""What pyproject.toml cannot say: a description with links that lead somewhere from any page."""

import sys
from pathlib import Path

import setuptools

sys.path.insert(0, str(Path(__file__).parent / "docs"))

import addresses

ADDRESS = addresses.repository()

setuptools.setup(
    long_description=addresses.absolute(addresses.README.read_text(encoding="utf-8"), ADDRESS),
    long_description_content_type="text/markdown",
    project_urls={
        "Repository": ADDRESS,
        "Documentation": f"{ADDRESS}/tree/{addresses.BRANCH}/docs",
        "Changelog": f"{ADDRESS}/blob/{addresses.BRANCH}/CHANGELOG.md",
        "Issues": f"{ADDRESS}/issues",
    }
    if ADDRESS
    else {},
)
