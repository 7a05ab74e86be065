// The present, once a second, for ages on screen.
export const clock = $state({ now: Date.now() });

window.setInterval(() => {
  if (document.visibilityState === 'visible') clock.now = Date.now();
}, 1000);
