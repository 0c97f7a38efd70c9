"""A flow graph as GraphML, which yEd, Gephi and NetworkX open."""

from __future__ import annotations

from collections.abc import Mapping

from embedworks.flow.graph import FlowGraph
from embedworks.flow.steps import Step


def graphml(graph: FlowGraph, steps: Mapping[str, Step]) -> str:
    """The document: nodes with name, speaker, count and weight, edges with count and weight.

    Args:
        graph: Nodes that are no step are start and end.
        steps: By key.
    """
    import networkx as nx

    drawn = nx.DiGraph()
    for node, count in graph.node_counts.items():
        step = steps.get(node)
        about = {"name": step.name, "speaker": step.speaker} if step else {"name": node, "speaker": ""}
        drawn.add_node(node, count=count, weight=graph.node_weights[node], **about)
    for (source, target), count in graph.edge_counts.items():
        drawn.add_edge(source, target, count=count, weight=graph.edge_weights[source, target])
    return "\n".join(nx.generate_graphml(drawn))
