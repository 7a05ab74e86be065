// What feeds what: sources, data sets, KPIs, then dashboards and alerts.
import type {
  AlertRule,
  DashboardDefinition,
  DatasetStatus,
  KpiDefinition,
} from '../api/types';

export type Kind = 'source' | 'dataset' | 'kpi' | 'dashboard' | 'alert';
export interface Node {
  id: string;
  kind: Kind;
  title: string;
  href?: string;
  column: number;
  row: number;
}
export interface Lineage {
  nodes: Node[];
  edges: [string, string][];
}

// KPIs that a formula names in brackets.
const used = (kpi: KpiDefinition) =>
  [...(kpi.formula ?? '').matchAll(/\[(\w+)\]/g)].map((match) => match[1] ?? '');

export function lineage(
  datasets: (DatasetStatus & { source?: unknown })[],
  kpis: KpiDefinition[],
  dashboards: DashboardDefinition[],
  alerts: AlertRule[],
): Lineage {
  const nodes: Node[] = [];
  const edges: [string, string][] = [];
  const rows = [0, 0, 0, 0];
  const kColumns: Record<Kind, number> = {
    source: 0,
    dataset: 1,
    kpi: 2,
    dashboard: 3,
    alert: 3,
  };
  const add = (kind: Kind, name: string, title: string, href?: string) => {
    const id = `${kind}:${name}`;
    if (nodes.some((node) => node.id === id)) return;
    const column = kColumns[kind];
    const row = rows[column] ?? 0;
    rows[column] = row + 1;
    nodes.push({ id, kind, title, column, row, ...(href ? { href } : {}) });
  };
  for (const set of datasets) {
    const source = `${String(set.source ?? 'log')} · ${set.dataset}`;
    add('source', set.dataset, source);
    add(
      'dataset',
      set.dataset,
      set.title ?? set.dataset,
      `/explore/${encodeURIComponent(set.dataset)}`,
    );
    edges.push([`source:${set.dataset}`, `dataset:${set.dataset}`]);
    for (const kpi of kpis.filter((item) => item.dataset === set.dataset)) {
      add(
        'kpi',
        kpi.kpi,
        kpi.title,
        `/explore/${encodeURIComponent(set.dataset)}?kpi=${kpi.kpi}`,
      );
      edges.push([`dataset:${set.dataset}`, `kpi:${kpi.kpi}`]);
    }
  }
  for (const kpi of kpis.filter((item) => !item.dataset)) {
    add('kpi', kpi.kpi, kpi.title);
    for (const name of used(kpi)) edges.push([`kpi:${name}`, `kpi:${kpi.kpi}`]);
  }
  for (const page of dashboards) {
    add(
      'dashboard',
      page.dashboard,
      page.title,
      `/d/${encodeURIComponent(page.dashboard)}`,
    );
    const shown = page.tiles.flatMap(
      (tile) => tile.steps?.map((s) => s.kpi) ?? [tile.kpi],
    );
    for (const kpi of new Set(shown.filter(Boolean))) {
      edges.push([`kpi:${kpi}`, `dashboard:${page.dashboard}`]);
    }
  }
  for (const rule of alerts) {
    add('alert', rule.alert, rule.alert, '/alerts');
    edges.push([`kpi:${rule.kpi}`, `alert:${rule.alert}`]);
  }
  return { nodes, edges };
}
