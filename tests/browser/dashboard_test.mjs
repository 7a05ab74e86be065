// The dashboard in a real browser against a running server with the starter
// model and demo data.
//
//   FRESHET_URL        where it runs; default http://127.0.0.1:8080
//   FRESHET_ARTIFACTS  folder for screenshots; none without it
//   FRESHET_RESTART    shell command that kills and restarts the server; the
//                      recovery scenario is skipped without it
//   CHROMIUM           default /usr/bin/chromium
//
// The last line is "N passed, M failed".
import { addresses } from './address_scenarios.mjs';
import { asOf } from './as_of_scenarios.mjs';
import { damage } from './damage_scenario.mjs';
import { counts, launch, scenario } from './harness.mjs';
import { expected } from './expected_scenarios.mjs';
import { interactions } from './interaction_scenarios.mjs';
import { letters } from './letter_scenarios.mjs';
import { live } from './live_scenarios.mjs';
import { looks } from './look_scenarios.mjs';
import { measures } from './measure_scenarios.mjs';
import { numbers } from './number_scenarios.mjs';
import { odd } from './odd_scenarios.mjs';
import { pages } from './page_scenarios.mjs';
import { played } from './played_scenarios.mjs';
import { reading } from './reading_scenarios.mjs';
import { recovery } from './recovery_scenario.mjs';
import { setup } from './setup_scenarios.mjs';
import { silent } from './silence_scenario.mjs';
import { steady } from './steady_scenarios.mjs';
import { switches } from './switch_scenarios.mjs';
import { tasks } from './task_scenarios.mjs';
import { views } from './view_scenarios.mjs';

// `node dashboard_test.mjs PART` runs only scenarios with PART in their name;
// those that begin with "odd" want a server with odd_model, "damage" one that has
// lost a part of odd_model's data as well, "setup" one whose
// model folder is empty.
const wanted = process.argv[2] ?? '';
const own = { damage, odd, setup }[wanted.split(':')[0]];
const all = own ?? [
  ...numbers,
  ...interactions,
  ...views,
  ...addresses,
  ...measures,
  ...asOf,
  ...expected,
  ...pages,
  ...switches,
  ...letters,
  ...tasks,
  ...looks,
  ...steady,
  ...reading,
  ...played,
  ...live,
  ...silent,
  ...recovery,
];

const browser = await launch();
for (const [name, run] of all.filter(([name]) => name.includes(wanted))) {
  await scenario(name, () => run(browser));
}
await browser.close();

const { passed, failed } = counts();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
