import { mount } from 'svelte';
import 'uplot/dist/uPlot.min.css';
import './app.css';
import App from './App.svelte';
import { catalogue } from './messages/catalogue.svelte';
import { settings } from './state/settings.svelte';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
void catalogue
  .load(settings.language)
  .catch(() => {})
  .then(() => mount(App, { target }));
