"""The Strategy manifest: schema, loading, defaults, explanation."""

from alp.strategy.loading import load_manifest, with_values
from alp.strategy.manifest import API_VERSION, KIND, Spec, Strategy
from alp.strategy.problems import ManifestError, Problem

__all__ = [
    "API_VERSION",
    "KIND",
    "ManifestError",
    "Problem",
    "Spec",
    "Strategy",
    "load_manifest",
    "with_values",
]
