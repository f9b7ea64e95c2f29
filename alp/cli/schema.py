"""``alp schema``: the manifest's shape for editors and for Kubernetes."""

from __future__ import annotations

import click

from alp.cli.lazy import Command
from alp.cli.options import print_json


@click.command(
    cls=Command,
    examples={
        "alp schema > strategy.schema.json": "then let your editor check and complete manifests",
        "alp schema --crd | kubectl apply --server-side -f -": "teach a cluster what a Strategy is",
    },
)
@click.option("--crd", is_flag=True, help="Print the CustomResourceDefinition as YAML instead.")
def schema(crd: bool) -> None:
    """Print the JSON Schema of a manifest, or its Kubernetes CustomResourceDefinition.

    Both are made from the models that read a manifest. The editor's comment for it is
    `# yaml-language-server: $schema=strategy.schema.json`.
    """
    if crd:
        from alp.strategy.generate import crd_yaml

        click.echo(crd_yaml(), nl=False)
    else:
        from alp.strategy.schema import json_schema

        print_json(json_schema())
