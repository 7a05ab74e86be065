// What the set-up gathers, step by step.
export interface DatasetDraft {
  kind: 'post' | 'kafka';
  name: string;
  title: string;
  brokers: string;
  topic: string;
}

// A column as POST /api/v1/datasets/{d}/infer found it.
export interface FoundColumn {
  name: string;
  path: string;
  type: string;
  format?: string; // of a time
  cardinality?: 'high';
  filled: number;
  example: string;
  keep: boolean;
}

export interface Sample {
  format: string;
  messages: number;
  columns: FoundColumn[];
  time: string; // path of the event's time; '' as the source says
  arrays: string[]; // paths of lists, which no column holds
  odd: string[]; // paths that a column can't name
  empty: string[]; // paths that are in events, always without a value
  events: string[]; // as they were pasted; none of a topic
  key: string; // they are stored once, however often they are sent
}

export interface KpiDraft {
  kpi: string;
  title: string;
  formula: string;
  unit: string;
  currency?: string;
  good: 'up' | 'down' | 'none';
  on: boolean;
}
