// What is opened less often, in one file: each of its own would cost more.
export { default as alerts } from './alerts/AlertsPage.svelte';
export { default as data } from './data/DataPage.svelte';
export { default as query } from './query/QueryPage.svelte';
export { default as setup } from './setup/Setup.svelte';
