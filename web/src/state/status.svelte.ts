// What the whole page knows of the server beside the dashboard's own stream:
// dashboards, KPI definitions, data sets and alerts, asked again now and then.
import { get } from '../api/client';
import { isBroken, isDamaged } from '../dashboard/freshness';
import type {
  AlertRule,
  DashboardSummary,
  DatasetStatus,
  KpiDefinition,
} from '../api/types';

const kEvery = 5000;

class ServerStatus {
  dashboards = $state.raw<DashboardSummary[] | null>(null);
  kpis = $state.raw<Map<string, KpiDefinition>>(new Map());
  datasets = $state.raw<DatasetStatus[]>([]);
  datasetsAt = $state(0);
  alerts = $state.raw<AlertRule[]>([]);
  reachable = $state(true);
  asked = $state(false); // whether alerts are known, or can't be
  error = $state<string | null>(null);
  backs = $state(0); // how often it, or a stream, was lost and came back
  routes = $state.raw<Set<string>>(new Set());

  get firing(): AlertRule[] {
    return this.alerts.filter((rule) => rule.state === 'firing');
  }
  get troubled(): DatasetStatus[] {
    return this.datasets.filter((item) => isBroken(item) || isDamaged(item));
  }

  // What times are shown in where no dashboard says: the first one's zone, so
  // that a time is the same on every page.
  get zone(): string {
    return (
      this.dashboards?.[0]?.tz ?? Intl.DateTimeFormat().resolvedOptions().timeZone
    );
  }

  // Whether the server answers a route, as its own description says.
  has(route: string): boolean {
    return this.routes.has(route);
  }

  start(): () => void {
    const kLost = 20_000; // ms after which an answer is not waited for
    let since = 0; // the questions of the last turn are under way; 0: they are not
    const turn = async () => {
      if (since && Date.now() - since < kLost) return;
      since = Date.now();
      await Promise.all([
        this.routes.size === 0 && this.loadRoutes(),
        this.dashboards === null && this.loadModel(),
        this.refresh(),
      ]);
      since = 0;
    };
    void turn();
    const timer = window.setInterval(() => {
      if (document.visibilityState !== 'hidden') void turn();
    }, kEvery);
    return () => window.clearInterval(timer);
  }

  async loadRoutes(): Promise<void> {
    try {
      const { paths } = await get<{ paths: object }>('/api/v1/openapi.json');
      this.routes = new Set(Object.keys(paths));
    } catch {
      // What needs them is not shown.
    }
  }

  async loadModel(): Promise<void> {
    try {
      const [dashboards, kpis] = await Promise.all([
        get<{ dashboards: DashboardSummary[] }>('/api/v1/dashboards'),
        get<{ kpis: KpiDefinition[] }>('/api/v1/kpis'),
      ]);
      this.dashboards = dashboards.dashboards;
      this.kpis = new Map(kpis.kpis.map((kpi) => [kpi.kpi, kpi]));
      this.error = null;
    } catch (error) {
      this.error = (error as Error).message;
    }
  }

  async refresh(): Promise<void> {
    try {
      const [datasets, alerts] = await Promise.all([
        get<{ datasets: DatasetStatus[] }>('/api/v1/datasets'),
        get<{ alerts: AlertRule[] }>('/api/v1/alerts'),
      ]);
      this.datasets = datasets.datasets;
      this.datasetsAt = Date.now();
      this.alerts = alerts.alerts;
      if (!this.reachable) this.backs += 1;
      this.reachable = true;
    } catch {
      this.reachable = false;
    }
    this.asked = true;
  }
}

export const server = new ServerStatus();
