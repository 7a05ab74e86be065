import type { KpiDefinition } from '../api/types';
import { writeView, type View } from '../dashboard/view';
import { server } from '../state/status.svelte';

// The KPIs with a data set that a KPI is made of; itself, if it has one. None
// where it can't be explored: made of KPIs, and without a dimension.
export function partsOf(kpi: KpiDefinition): KpiDefinition[] {
  const { dataset, dimensions, formula = '' } = kpi;
  if (dataset) return [kpi];
  if (dimensions.length === 0) return [];
  return [...formula.matchAll(/\[(\w+)\]/g)].flatMap(([, name = '']) => {
    const part = server.kpis.get(name);
    return part ? partsOf(part) : [];
  });
}

// Where a KPI is explored; undefined where it can't be.
export function exploreLink(name: string, view: View): string | undefined {
  const kpi = server.kpis.get(name);
  const dataset = kpi && partsOf(kpi)[0]?.dataset;
  return dataset && `/explore/${encodeURIComponent(dataset)}${writeView(view, { kpi: name })}`;
}
