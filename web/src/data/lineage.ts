// What feeds what, as GET /api/v1/lineage says: sources, data sets, KPIs, then
// dashboards and alerts.
export interface LineageColumn {
  name: string;
  type: string;
  fields: string[]; // of the source
  derivation?: string; // the expression of a derived column
  kpis: string[];
}
export interface DatasetLineage {
  dataset: string;
  source: { kind: string; topics?: string[]; path?: string };
  columns: LineageColumn[];
  kpis: { kpi: string; dashboards: string[]; alerts: string[] }[];
}

export type Kind = 'source' | 'dataset' | 'kpi' | 'dashboard' | 'alert';
export interface Node {
  id: string; // "kpi:net_sales"
  kind: Kind;
  title: string;
  column: number;
  row: number;
}
export interface Lineage {
  nodes: Node[];
  edges: [string, string][];
}

const kColumns: Record<Kind, number> = {
  source: 0,
  dataset: 1,
  kpi: 2,
  dashboard: 3,
  alert: 3,
};

export function lineage(
  sets: DatasetLineage[],
  titleOf: (kind: Kind, name: string) => string,
): Lineage {
  const nodes = new Map<string, Node>();
  const edges = new Map<string, [string, string]>();
  const rows = [0, 0, 0, 0];
  const add = (kind: Kind, name: string, title = titleOf(kind, name)): string => {
    const id = `${kind}:${name}`;
    if (nodes.has(id)) return id;
    const column = kColumns[kind];
    const row = rows[column] ?? 0;
    rows[column] = row + 1;
    nodes.set(id, { id, kind, title, column, row });
    return id;
  };
  const join = (from: string, to: string) => edges.set(`${from} ${to}`, [from, to]);
  for (const { dataset, source, kpis } of sets) {
    const places = source.topics ?? (source.path ? [source.path] : [dataset]);
    for (const place of places) {
      const from = add('source', `${source.kind} ${place}`, `${source.kind} · ${place}`);
      join(from, add('dataset', dataset));
    }
    for (const { kpi } of kpis) join(`dataset:${dataset}`, add('kpi', kpi));
  }
  // Dashboards above, alerts below them.
  const uses = sets.flatMap(({ kpis }) => kpis);
  for (const { kpi, dashboards } of uses) {
    for (const name of dashboards) join(`kpi:${kpi}`, add('dashboard', name));
  }
  for (const { kpi, alerts } of uses) {
    for (const name of alerts) join(`kpi:${kpi}`, add('alert', name));
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}
