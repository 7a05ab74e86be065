// Asks the server what events hold, and has it write the model's files.
import { post, put, sendEvents } from '../api/client';
import { instant } from '../format/time';
import { t } from '../messages/messages';
import { server } from '../state/status.svelte';
import { dashboardFile, datasetFile, eventsIn, isObject, kpiFile, topicFile } from './draft';
import type { DatasetDraft, FoundColumn, KpiDraft, Sample } from './types';

interface Inferred {
  format: string;
  messages: number;
  time_field?: string;
  fields: Omit<FoundColumn, 'keep'>[];
  arrays: string[];
  odd?: string[];
  empty: string[];
}

const kShown = 60; // characters of an event that is none

const route = (draft: DatasetDraft, verb: string) =>
  `/api/v1/datasets/${encodeURIComponent(draft.name)}${verb}`;

export async function look(draft: DatasetDraft, pasted: string): Promise<Sample> {
  // What is made at the end has the name of the data.
  if (
    server.datasets.some((set) => set.dataset === draft.name) ||
    server.dashboards?.some((page) => page.dashboard === draft.name)
  ) {
    throw new Error(t('setup.taken', { name: draft.name }));
  }
  let events: string[] = [];
  try {
    events = draft.kind === 'post' ? eventsIn(pasted) : [];
  } catch {
    throw new Error(t('setup.no_json'));
  }
  if (draft.kind === 'post' && events.length === 0) throw new Error(t('setup.no_json'));
  // The server passes over what it can't read; sent, it would spoil them all.
  const broken = events.findIndex((event) => !isObject(event));
  if (broken >= 0) {
    const text = (events[broken] ?? '').slice(0, kShown);
    throw new Error(t('setup.line_fault', { n: broken + 1, text }));
  }
  const found = await post<Inferred>(
    route(draft, '/infer'),
    draft.kind === 'post' ? { events } : { definition: JSON.stringify(topicFile(draft)) },
  );
  const time = found.time_field ?? '';
  return {
    format: found.format,
    messages: found.messages,
    arrays: found.arrays,
    odd: found.odd ?? [],
    empty: found.empty,
    time,
    events,
    key: `setup-${draft.name}-${Date.now()}`,
    columns: found.fields.map((field) => ({ ...field, keep: field.path !== time })),
  };
}

interface Tried {
  valid: boolean;
  faults: { message: string }[];
  sample?: { rows: number; errors: { event: number; message: string }[] };
}

// Why not one event would become a row; nothing if some do.
export async function refused(draft: DatasetDraft, sample: Sample): Promise<string[]> {
  const tried = await post<Tried>(route(draft, '/validate'), {
    definition: JSON.stringify(datasetFile(draft, sample)),
    ...(sample.events.length > 0 ? { events: sample.events } : {}),
  });
  if (!tried.valid) return tried.faults.map((fault) => fault.message);
  if (!tried.sample || tried.sample.rows > 0) return [];
  return tried.sample.errors
    .slice(0, 3)
    .map((error) => t('setup.event_fault', { n: error.event, why: error.message }));
}

// The oldest time in a pasted sample, to show a range that holds it; of a topic
// the one that stands as an example.
function oldest({ time, events, columns }: Sample): number | null {
  const keys = time.split('.');
  const values: unknown[] =
    events.length > 0
      ? events.map((event) =>
          keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], JSON.parse(event))) // prettier-ignore
      : columns.filter(({ path }) => path === time).map(({ example }) => example);
  const known = values.flatMap((value) => {
    if (typeof value === 'string' && !/^\d+$/.test(value)) {
      return instant(value.replace(' ', 'T')) ?? [];
    }
    const number = Number(value ?? NaN);
    if (Number.isNaN(number)) return [];
    return number > 1e14 ? number / 1000 : number > 1e11 ? number : number * 1000;
  });
  return known.length > 0 ? Math.min(...known) : null;
}

// Each of these may be repeated: what is there already is written once more.
export async function create(
  draft: DatasetDraft,
  sample: Sample,
  kpis: KpiDraft[],
  dimensions: string[],
): Promise<void> {
  await put(route(draft, ''), datasetFile(draft, sample));
  if (sample.events.length > 0) {
    await sendEvents(draft.name, sample.events, sample.key);
  }
  for (const kpi of kpis) {
    await put(`/api/v1/kpis/${encodeURIComponent(kpi.kpi)}`, kpiFile(draft, kpi, dimensions)); // prettier-ignore
  }
  await put(
    `/api/v1/dashboards/${encodeURIComponent(draft.name)}`,
    dashboardFile(draft, kpis, dimensions, oldest(sample), {
      course: (kpi) => t('setup.tile_course', { kpi }),
      by: (kpi, by) => t('setup.tile_by', { kpi, by }),
    }),
  );
  await Promise.all([server.loadModel(), server.refresh()]);
}
