function mpc = tap
%TAP  Every convention of the format in four buses; the trap below is commented out.
% mpc.bus = [ 9 9 9 ];
mpc.version = '2';
mpc.baseMVA = 50/3;   % an expression
%{
mpc.baseMVA = 1;
%}
mpc.bus = [ % bus type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin
	10	3	0	0	0	0	1	1	0	0	1	1.05	0.95; 20 1 30 -2*5 0 1.5 1 1 0 12*sqrt( 4 ) 1 1.1 0.9
	30, 1, 5, 0, 0.5, 0, 1, 1, 0, 24, 1, 1.1, 0.9;
	40	4	7	0	0	0	1	1	0	24	1	1.1	0.9;
];
mpc.gen = [10 0 0 Inf -Inf 1.02 100 1 60 0; 20 5 1 3 -3 1 100 0 10 0; 40 1 1 1 1 1 1 1 1 1];
mpc.branch = [
	10	20	0.01	0.1	0.02	0	0	0	0.98	-30	1	0	0;
	20	30	0.02	0.2	0	...
		25	0	0	0	0	0	-360	15;
	30	40	0.02	0.2	0	25	0	0	0	0	1	-360	360;
];
mpc.gencost = [2 0 0 3 0.1 20 5 0; 2 0 0 2 30 1 0 0; 2 0 0 4 0 1 2 3];
mpc.bus_name = { 'a; b % c'; 'it''s'; 'c'; 'd' };
disp('statements that do not touch the case are of no concern');
if 0
  mpc.baseMVA = 1e6;
else
  mpc.bus(:, 3:4) = mpc.bus(:, [3 4]) / 2;
end
