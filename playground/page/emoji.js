// Shortcodes people and bots use (":bar_chart:") to characters. A short list, not the whole catalogue:
// an unknown one stays as it was written, which is honest. Knows nothing of messages.

const PAIRS = `
+1 👍|thumbsup 👍|-1 👎|thumbsdown 👎|ok_hand 👌|wave 👋|clap 👏|raised_hands 🙌|pray 🙏|muscle 💪
point_right 👉|point_left 👈|point_up ☝️|point_down 👇|writing_hand ✍️|eyes 👀|brain 🧠|speech_balloon 💬
thought_balloon 💭|bust_in_silhouette 👤|busts_in_silhouette 👥|robot_face 🤖|robot 🤖|detective 🕵️|technologist 🧑‍💻
scientist 🧑‍🔬|teacher 🧑‍🏫|smile 😄|slightly_smiling_face 🙂|grinning 😀|joy 😂|wink 😉|blush 😊|heart_eyes 😍
thinking_face 🤔|neutral_face 😐|sweat_smile 😅|cry 😢|sob 😭|scream 😱|sunglasses 😎|nerd_face 🤓|face_with_monocle 🧐
partying_face 🥳|sleeping 😴|heart ❤️|blue_heart 💙|green_heart 💚|yellow_heart 💛|broken_heart 💔|star ⭐
star2 🌟|sparkles ✨|fire 🔥|zap ⚡|boom 💥|100 💯|tada 🎉|confetti_ball 🎊|trophy 🏆|medal 🏅|rocket 🚀
white_check_mark ✅|heavy_check_mark ✔️|ballot_box_with_check ☑️|x ❌|negative_squared_cross_mark ❎|no_entry ⛔
no_entry_sign 🚫|warning ⚠️|rotating_light 🚨|question ❓|exclamation ❗|grey_question ❔|information_source ℹ️
bulb 💡|bell 🔔|no_bell 🔕|mega 📣|loudspeaker 📢|lock 🔒|unlock 🔓|key 🔑|shield 🛡️|mag 🔍|mag_right 🔎
link 🔗|paperclip 📎|pushpin 📌|round_pushpin 📍|scissors ✂️|pencil 📝|memo 📝|pencil2 ✏️|black_nib ✒️
clipboard 📋|page_facing_up 📄|page_with_curl 📃|newspaper 📰|books 📚|book 📖|bookmark 🔖|notebook 📓|ledger 📒
file_folder 📁|open_file_folder 📂|card_index_dividers 🗂️|file_cabinet 🗄️|wastebasket 🗑️|package 📦|inbox_tray 📥
outbox_tray 📤|email 📧|envelope ✉️|bar_chart 📊|chart_with_upwards_trend 📈|chart_with_downwards_trend 📉|abacus 🧮
calendar 📅|date 📅|spiral_calendar_pad 🗓️|calendar_spiral 🗓️|clock1 🕐|clock3 🕒|clock9 🕘|alarm_clock ⏰
stopwatch ⏱️|timer_clock ⏲️|hourglass ⌛|hourglass_flowing_sand ⏳|thread 🧵|gear ⚙️|wrench 🔧|hammer 🔨
hammer_and_wrench 🛠️|toolbox 🧰|computer 💻|desktop_computer 🖥️|keyboard ⌨️|floppy_disk 💾|satellite 🛰️
satellite_antenna 📡|globe_with_meridians 🌐|earth_africa 🌍|earth_americas 🌎|earth_asia 🌏|world_map 🗺️|compass 🧭
telescope 🔭|microscope 🔬|test_tube 🧪|petri_dish 🧫|dna 🧬|bug 🐛|snail 🐌|turtle 🐢|owl 🦉|bee 🐝|ant 🐜|fox_face 🦊
octopus 🐙|seedling 🌱|herb 🌿|four_leaf_clover 🍀|evergreen_tree 🌲|sunny ☀️|cloud ☁️|partly_sunny ⛅|rainbow 🌈
coffee ☕|tea 🍵|pizza 🍕|cake 🍰|apple 🍎|moneybag 💰|money_with_wings 💸|euro 💶|dollar 💵|credit_card 💳|receipt 🧾
balance_scale ⚖️|scales ⚖️|jigsaw 🧩|puzzle_piece 🧩|art 🎨|lower_left_paintbrush 🖌️|camera 📷|movie_camera 🎥|microphone 🎤
headphones 🎧|musical_note 🎵|dart 🎯|game_die 🎲|checkered_flag 🏁|triangular_flag_on_post 🚩|construction 🚧
traffic_light 🚦|airplane ✈️|train 🚆|bike 🚲|house 🏠|office 🏢|factory 🏭|school 🏫|hospital 🏥|classical_building 🏛️
arrow_right ➡️|arrow_left ⬅️|arrow_up ⬆️|arrow_down ⬇️|arrows_counterclockwise 🔄|repeat 🔁|fast_forward ⏩
rewind ⏪|arrow_forward ▶️|double_vertical_bar ⏸️|pause_button ⏸️|black_square_for_stop ⏹️|stop_button ⏹️
octagonal_sign 🛑|stop_sign 🛑|red_circle 🔴|large_orange_circle 🟠|large_yellow_circle 🟡|large_green_circle 🟢
large_blue_circle 🔵|white_circle ⚪|black_circle ⚫|large_purple_circle 🟣|red_square 🟥|large_green_square 🟩
small_blue_diamond 🔹|small_orange_diamond 🔸|heavy_plus_sign ➕|heavy_minus_sign ➖|one 1️⃣|two 2️⃣|three 3️⃣
four 4️⃣|five 5️⃣|six 6️⃣|seven 7️⃣|eight 8️⃣|nine 9️⃣|keycap_ten 🔟|new 🆕|ok 🆗|cool 🆒|sos 🆘|recycle ♻️
label 🏷️|ticket 🎫|gift 🎁|handshake 🤝|salute 🫡|ghost 👻|crystal_ball 🔮|magic_wand 🪄|ladder 🪜|broom 🧹`;

const TABLE = new Map(
  PAIRS.trim().split(/[|\n]/).map((pair) => {
    const cut = pair.lastIndexOf(" ");
    return [pair.slice(0, cut), pair.slice(cut + 1)];
  }),
);

/** The character for a shortcode with or without colons, or undefined. Skin tones are dropped. */
export function emoji(code) {
  const name = String(code ?? "").replace(/^:|:$/g, "").replace(/::skin-tone-\d$/, "");
  return TABLE.get(name);
}

/** What to show for a shortcode: the character, else ":as_written:". */
export const emojiText = (code) => emoji(code) ?? `:${String(code).replace(/^:|:$/g, "")}:`;

export const QUICK = ["+1", "eyes", "white_check_mark", "tada", "thinking_face", "x"];

/** Names that start with (then contain) what was typed. */
export function findEmoji(typed, limit = 8) {
  const names = [...TABLE.keys()];
  const starts = names.filter((n) => n.startsWith(typed));
  const holds = names.filter((n) => !n.startsWith(typed) && n.includes(typed));
  return [...starts, ...holds].slice(0, limit).map((name) => ({ name, char: TABLE.get(name) }));
}
