"""Makes both sides of OSC with Lumawire in a TouchDesigner project: run it in a Text DAT.

    lumawire run patches/calm_drift.lumawire --osc 9000 --osc-feedback 127.0.0.1:7000
"""

here = me.parent()

lfo = here.create(lfoCHOP, 'lumawire_lfo')
lfo.par.frequency = 0.1
lfo.par.offset = 0.5
lfo.par.amp = 0.5
lfo.par.channelname = 'lumawire/generator/truncation/normal'

out = here.create(oscoutCHOP, 'lumawire_out')
out.par.netaddress = '127.0.0.1'
out.par.port = 9000
out.par.format = 'sample'
out.inputConnectors[0].connect(lfo)

heard = here.create(oscinCHOP, 'lumawire_in')
heard.par.port = 7000

for number, made in enumerate([lfo, out, heard]):
    made.nodeX, made.nodeY = 200 * number, -200
