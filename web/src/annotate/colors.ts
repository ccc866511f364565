/** Colors of structures and of people, told apart also by those who see fewer (Okabe and Ito 2008). */

const COLORS = ["#e69f00", "#56b4e9", "#00c896", "#f0e442", "#5a9bd5", "#ff7f50", "#e79bc9", "#d0d0d0"];

export function colorOf(place: number): string {
  return COLORS[((place % COLORS.length) + COLORS.length) % COLORS.length] ?? "#d0d0d0";
}
