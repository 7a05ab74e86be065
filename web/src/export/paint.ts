// Paints what a part of the page shows onto a canvas: fills, lines, shapes,
// charts and words, where they stand on screen.

function paintShape(ctx: CanvasRenderingContext2D, shape: Element, style: CSSStyleDeclaration) {
  const path = new Path2D(shape.getAttribute('d') ?? '');
  if (shape instanceof SVGCircleElement) {
    const { cx, cy, r } = shape;
    path.arc(cx.baseVal.value, cy.baseVal.value, r.baseVal.value, 0, 7);
  }
  const placed = new Path2D();
  const matrix = (shape as SVGGraphicsElement).getScreenCTM();
  placed.addPath(path, matrix ?? undefined);
  ctx.save();
  if (style.fill !== 'none') {
    ctx.globalAlpha *= Number(style.fillOpacity);
    ctx.fillStyle = style.fill;
    ctx.fill(placed);
  }
  if (style.stroke !== 'none') {
    ctx.lineWidth =
      parseFloat(style.strokeWidth) *
      (style.vectorEffect === 'none' ? (matrix?.a ?? 1) : 1);
    ctx.strokeStyle = style.stroke;
    ctx.setLineDash(style.strokeDasharray.split(',').map(parseFloat).filter(Boolean));
    ctx.stroke(placed);
  }
  ctx.restore();
}

// Word by word, so that broken lines break as they do on screen.
function paintText(ctx: CanvasRenderingContext2D, text: Text, style: CSSStyleDeclaration) {
  const shape = text.parentElement instanceof SVGGraphicsElement ? text.parentElement : null;
  ctx.fillStyle = shape ? style.fill : style.color;
  const size = parseFloat(style.fontSize) * (shape?.getScreenCTM()?.a ?? 1);
  ctx.font = `${style.fontWeight} ${size}px ${style.fontFamily}`;
  ctx.textBaseline = 'middle';
  const word = document.createRange();
  for (const { index, 0: letters } of text.data.matchAll(/\S+/g)) {
    word.setStart(text, index);
    word.setEnd(text, index + letters.length);
    const broken = word.getClientRects().length > 1;
    for (const part of broken ? letters : [letters]) {
      word.setEnd(text, word.startOffset + part.length);
      const { left, top, width, height } = word.getBoundingClientRect();
      if (width > 0) ctx.fillText(part, left, top + height / 2);
      word.collapse();
    }
  }
}

// In px of the window.
export function paint(ctx: CanvasRenderingContext2D, node: Element): void {
  const style = getComputedStyle(node);
  const { left, top, bottom, width, height } = node.getBoundingClientRect();
  if (style.visibility !== 'visible' || style.clipPath !== 'none') return;
  ctx.save();
  ctx.globalAlpha *= Number(style.opacity);
  ctx.beginPath();
  ctx.roundRect(left, top, width, height, parseFloat(style.borderRadius) || 0);
  ctx.fillStyle = style.backgroundColor;
  ctx.fill();
  const line = parseFloat(style.borderBottomWidth);
  ctx.fillStyle = style.borderBottomColor;
  ctx.fillRect(left, bottom - line, width, line);
  if (style.overflowX !== 'visible') ctx.clip();
  if (node instanceof HTMLCanvasElement) ctx.drawImage(node, left, top, width, height);
  if (node instanceof SVGGeometryElement) paintShape(ctx, node, style);
  const above: Element[] = []; // what others scroll under
  for (const child of node.childNodes) {
    if (child instanceof Text) paintText(ctx, child, style);
    else if (!(child instanceof Element)) continue;
    else if (getComputedStyle(child).position === 'sticky') above.push(child);
    else paint(ctx, child);
  }
  for (const child of above) paint(ctx, child);
  ctx.restore();
}
