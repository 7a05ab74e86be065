// The time under the pointer or the arrow keys, shared by all charts of a page.
export const crosshair = $state<{ time: number | null }>({ time: null });
