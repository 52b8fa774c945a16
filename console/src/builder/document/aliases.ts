/** Aliases of a document: what each stands for, as long as that keeps to a size. */

import { type Alias, isAlias, isMap, isPair, isSeq, type Node } from "yaml";

/** How many values a document may have once each alias is replaced by what it stands for. */
const MOST_VALUES = 100_000;

/**
 * The node that each alias stands for; null if a document refers to itself, or would become too
 * large, so that nothing may follow its aliases.
 */
export function aliasesOf(text: string, root: Node | null): ReadonlyMap<Alias, Node> | null {
  const found = new Map<Alias, Node>();
  if (!text.includes("*")) return found;
  const anchors = new Map<string, Node>();
  const sizes = new Map<Node, number>();
  /** The size of a node with its aliases; infinite while the node is not complete. */
  const measure = (node: unknown): number => {
    if (isPair(node)) return measure(node.key) + measure(node.value);
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target === undefined) return 1;
      found.set(node, target);
      return sizes.get(target) ?? Number.POSITIVE_INFINITY;
    }
    if (typeof node !== "object" || node === null) return 0;
    const { anchor } = node as Node & { anchor?: string };
    if (anchor !== undefined) anchors.set(anchor, node as Node);
    let size = 1;
    if (isMap(node) || isSeq(node)) for (const inner of node.items) size += measure(inner);
    sizes.set(node as Node, size);
    return size;
  };
  return measure(root) > MOST_VALUES ? null : found;
}
